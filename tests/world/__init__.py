"""Fresh, seeded test media with ground truth: the small world that the demo models know.

`sentences`, `voices` and `scenes` hold what can be said and seen; `narration` and `videos` put it on a time line;
`truth` is what such a video contains; `score` compares what a run found with it.
"""
