"""What every plug-in of a kind must do, as test classes to be subclassed: one module per kind.

Name the subclass `Test…`, fill in what the base class asks for, and pytest runs the whole suite on it. No
test needs more than the plug-in, a temporary folder and the kind's own contract. Built-ins pass the same.
"""
