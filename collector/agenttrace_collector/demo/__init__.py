"""The demonstration: real agents against a real collector, then what SQL on its database says."""
