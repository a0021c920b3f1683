"""The parts of the licence audit: find and read distributions, name their licences, judge them, write it down."""
