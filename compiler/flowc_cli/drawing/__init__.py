"""Pictures of graphs: what a graph holds, where its parts stand, and how they are drawn.

`graph_document` says what there is to see, `layered_layout` where it stands, knowing nothing of flows, and
`svg_picture` and `html_page` draw it.
"""
