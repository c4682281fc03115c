"""Argo Server through the library `argo-workflows`: runs are submitted, looked at and stopped, manifests checked.

Nothing of it is imported by a compile. The library is an extra, `flowc[argo]`.
"""
