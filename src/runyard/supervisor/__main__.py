"""Entry point for `python -I -S <folder or zip>`: makes this place importable as a package."""

import sys
import types
from importlib import import_module

package = types.ModuleType("supervisor")
package.__path__ = [sys.path.pop(0)]
sys.modules["supervisor"] = package

if __name__ == "__main__":
    if sys.argv[1:2] == ["relay"]:
        sys.exit(import_module("supervisor.relay").main(sys.argv[2:]))
    import_module("supervisor.main").main(sys.argv[1:])
