"""Check with providers on attempts that are neither paid nor final: no answer, no webhook, or cancelled too late."""
