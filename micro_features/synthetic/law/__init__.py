"""What a conductivity follows from: causes, solved blocks, response surface, attributions."""
