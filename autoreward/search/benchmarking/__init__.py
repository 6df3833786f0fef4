"""Several ways to search, each on several tasks and run seeds at equal cost, compared."""
