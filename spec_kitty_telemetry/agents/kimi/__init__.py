"""What Kimi's command line keeps."""
