"""From numbers to decisions: budgets and verdicts, forecasts, comparisons, currencies.  It prints nothing."""
