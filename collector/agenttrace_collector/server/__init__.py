"""HTTP listeners: what serves an application, and what keeps slow or many clients from hurting others."""
