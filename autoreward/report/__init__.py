"""What people are shown of a run: tables, pages, diffs, live progress; and stand-alone exports."""
