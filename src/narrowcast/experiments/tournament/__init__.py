"""Several methods trained on the same rows, the best of them chosen on dev rows.

Entrants are what suits the task, is on this machine and fits the budget. Each is trained to its end and
measured on the same dev rows; the one with the best score within the limits becomes the current run. Test
rows are not touched: only the chosen run is measured on them, afterwards.
"""
