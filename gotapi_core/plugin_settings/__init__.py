"""The settings of plug-ins: what each one has, where its values come from, and changing them."""
