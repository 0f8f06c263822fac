"""Processes of `medley up` that have imported everything: commands and flow runs begin as their forks."""
