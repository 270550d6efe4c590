"""One module per kind of model server; each implements the one method its base class asks for."""
