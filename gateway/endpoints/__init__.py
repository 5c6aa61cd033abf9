"""The endpoints: what answers on the public and the admin port."""
