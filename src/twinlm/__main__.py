"""`python -m twinlm` is `twinlm`."""

from twinlm.cli.main import main

if __name__ == "__main__":
    main()
