"""Who can say whose credential this is? One file a kind of authority."""
