"""Who moves the money: an adapter a provider. Only `app` imports from here."""
