"""The data of the course: sentence pairs with gold alignments, dates, numbers in words, and small made-up tasks.

pairs     Pair, and reading tab-separated files: the shipped corpus and the ones a learner downloads
batching  Vocabulary, and tensors out of lists
dates     dates as people write them → ISO 8601
numbers   numbers in words → digits
tasks     copy, reverse, copy from k back, key → value recall, a Markov source
"""

from attnkit.data.batching import BOS, EOS, PAD, UNK, Vocabulary, batches, gold_matrix, pad_batch
from attnkit.data.dates import DATE_LOCALES, date_words, dates
from attnkit.data.numbers import number_words
from attnkit.data.pairs import DataError, Pair, load_en_es, load_tab_separated
from attnkit.data.tasks import (
    FIRST_SYMBOL,
    Recall,
    Task,
    copy_back_task,
    copy_task,
    markov_sequences,
    recall_task,
    reverse_task,
)

__all__ = [
    "BOS",
    "DATE_LOCALES",
    "EOS",
    "FIRST_SYMBOL",
    "PAD",
    "UNK",
    "DataError",
    "Pair",
    "Recall",
    "Task",
    "Vocabulary",
    "batches",
    "copy_back_task",
    "copy_task",
    "date_words",
    "dates",
    "gold_matrix",
    "load_en_es",
    "load_tab_separated",
    "markov_sequences",
    "number_words",
    "pad_batch",
    "recall_task",
    "reverse_task",
]
