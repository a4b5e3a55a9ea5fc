"""What wakes people: rules on KPIs, incidents that name their culprit, and where they are sent."""
