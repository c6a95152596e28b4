"""What an IDE embeds: a handle on a kernel that runs beside a broker, on whatever machine."""
