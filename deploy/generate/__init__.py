"""Files made from what they describe: reference pages, dashboards, the JSON Schema of the events."""
