"""Entry point for `python -I -S <folder or zip>`: makes this place importable as a package."""

import sys
import types

package = types.ModuleType("supervisor")
package.__path__ = [sys.path.pop(0)]
sys.modules["supervisor"] = package

if __name__ == "__main__":
    # Not importlib: it costs a fifth of what a relay takes to start.
    relay = sys.argv[1:2] == ["relay"]
    name = "supervisor.relay" if relay else "supervisor.main"
    __import__(name)
    sys.exit(sys.modules[name].main(sys.argv[2:] if relay else sys.argv[1:]))
