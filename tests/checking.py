"""How annotations of the package are checked at run time in every test (see addopts in pyproject.toml)."""

from beartype import BeartypeConf, beartype

# As type checkers have it: a whole number may stand where a float is asked for (`beta=2`).
checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
