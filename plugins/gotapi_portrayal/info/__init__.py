"""GetFeatureInfo: which features are at a ray or a place, and what is known of them."""
