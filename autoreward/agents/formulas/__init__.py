"""The formula policy: learns from validation which formulas over given components train well."""
