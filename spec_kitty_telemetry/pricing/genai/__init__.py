"""Refreshing the tables from genai-prices; no report needs this."""
