"""The operators of DAG files, which `dag_printer.py` puts into them as they are here.

They need Airflow 2.11 or 3.x, which flowc itself does not: nothing in flowc imports them, but it reads their source. A
module's imports and docstring stay behind; what follows them is copied, at 88 columns like the rest of a DAG file.
"""
