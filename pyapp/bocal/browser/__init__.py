"""The only rooms that touch `js` and `pyodide`: each answers one of `protocols`' questions."""
