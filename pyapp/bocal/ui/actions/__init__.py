"""What happens when: one module a subject; a button's action "model.choose" is the method `do_model_choose` of one."""
