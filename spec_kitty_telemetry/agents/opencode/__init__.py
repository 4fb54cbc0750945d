"""OpenCode, and Kilo from version 7: what it prints (`output`) and what it keeps in its own files (`transcript`)."""
