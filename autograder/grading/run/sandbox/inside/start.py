"""The first file that runs in the sandbox: sets the module path from its arguments and starts the server."""

import sys

if __name__ == "__main__":
    descriptor, *folders = sys.argv[1:]
    sys.path[:0] = folders[:2]
    sys.path.extend(folders[2:])
    sys.argv = [""]
    from inside.server import main

    main(int(descriptor))
