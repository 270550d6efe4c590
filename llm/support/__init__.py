"""What of a sentence must stand exactly in its source: numbers, dates, names, negations. No models here."""
