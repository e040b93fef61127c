from bocal.letters import fold


def test_accents_capitals_and_ligatures_make_no_difference() -> None:
    assert fold("Élève À L’ŒUVRE ﬁn") == "eleve a l'oeuvre fin"
    assert fold("PLAIN") == "plain"
