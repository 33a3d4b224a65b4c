"""Entry point for `python -I -S <folder or zip>`: makes this place importable as a package."""

import sys
import types

package = types.ModuleType("supervisor")
package.__path__ = [sys.path.pop(0)]
sys.modules["supervisor"] = package

from supervisor.main import main  # noqa: E402

if __name__ == "__main__":
    main(sys.argv[1:])
