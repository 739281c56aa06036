"""JavaScript: what a source for Node.js, Deno, Bun or a browser would do. Only this package loads its parser."""

from ringfence.scanning.javascript.analyser import javascript_effects

__all__ = ["javascript_effects"]
