"""When production asks for a new training: what has been seen of the champion, and the rule that weighs it."""
