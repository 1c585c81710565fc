# In a shell: no labels, no configuration, no graphics card
logllm scan app.log --top 5 --html report.html      # what stands out in the whole log, without a model
logllm diff good.log bad.log                        # what is different from when it worked
logllm fit normal.log --out model                   # learns what is normal, sets an alarm budget
tail -f app.log | logllm watch - --model model      # alerts as JSON lines, as soon as something is found
logllm space                                        # this page on your own machine, for assistants too
