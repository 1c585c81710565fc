"""`python -m logllm` and the `logllm` command: what a user can put right is one sentence and exit code 2."""

import gc
import os
import sys


def main() -> None:
    """Run the command line."""
    gc.set_threshold(100_000, 20, 10)  # at the usual 700 a sixth of a command's start is spent in the collector
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # of loading weights; our own bars stay
    from logllm.batch.torchrun import before_group, is_worker, leave_group, restarts_share_a_store

    if restarts_share_a_store(os.environ):
        sys.stderr.write(
            "torchrun keeps one store for all its restarts, in which workers look for those that are dead: for restarts that "
            "go on, start it as `TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 torchrun --standalone ...` (several machines: "
            "--rdzv-backend c10d)\n"
        )
    from logllm.cli.app import app

    try:
        if is_worker():
            before_group()
        app()
    except SystemExit as end:
        if is_worker() and not end.code:
            leave_group()
        raise
    except KeyboardInterrupt:
        sys.exit("interrupted")
    except BrokenPipeError:  # `| head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except MemoryError:
        sys.stderr.write(
            "error: memory must suffice, found none left: give a shorter log, or a smaller batch or preset\n"
        )
        sys.exit(2)
    except (ValueError, OSError) as error:
        if os.environ.get("LOGLLM_TRACEBACK"):
            raise
        from logllm.redaction import without_secrets

        sys.stderr.write(f"error: {without_secrets(_sentence(error))}\n")
        sys.exit(2)


def _sentence(error: ValueError | OSError) -> str:
    """What an error says; of the operating system's own ones the file, and not the number of the error.

    >>> _sentence(FileNotFoundError(2, "No such file or directory", "app.log"))
    'a file must be there and open to this user, found app.log: No such file or directory: check its path, rights and disk'
    """
    if isinstance(error, OSError) and error.errno is not None and error.filename is not None and error.strerror:
        return (
            f"a file must be there and open to this user, found {error.filename}: {error.strerror}: check its path, rights "
            "and disk"
        )
    return str(error)


if __name__ == "__main__":
    main()
