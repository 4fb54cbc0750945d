"""What Goose prints and keeps."""
