"""From a checkout to what is handed out: the learner's wheel, the students' bundle, the instructors' bundle, checksums."""
