"""What can answer a chat: one file each. Law: an async generator of events that ends with exactly one `Done`."""
