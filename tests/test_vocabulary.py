from logllm.trainers.vocabulary import encoder_tokenizer

MESSAGES = ["Receiving block <*> from <*>", "exception writing block <*>", "Ünïcode ошибка <*>", "receiver blocked"]


def test_the_same_messages_give_the_same_vocabulary():
    # The trainer's hash tables have another order every time, within a process too.
    vocabularies = [encoder_tokenizer(MESSAGES).get_vocab() for _ in range(8)]
    assert all(vocabulary == vocabularies[0] for vocabulary in vocabularies)


def test_words_of_the_log_are_words_and_letters_can_be_written():
    words = encoder_tokenizer(["Receiving block <*> src", "Receiving block <*>"] * 3)
    assert words.tokenize("receiving BLOCK <*> blocks") == ["receiving", "block", "<*>", "block", "##s"]
    assert words("block")["input_ids"][0] == words.cls_token_id
    assert "##b" not in words.all_special_tokens
