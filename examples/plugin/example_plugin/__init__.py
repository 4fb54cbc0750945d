"""Three plugins for spec-kitty-telemetry, a module each; `docs/writing-a-plugin.md` walks through them."""
