"""What a person sees: each screen is a function from `state.State` to HTML; nothing here touches the browser."""
