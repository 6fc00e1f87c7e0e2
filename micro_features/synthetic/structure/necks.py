"""Channels along triple lines that join pores: open porosity."""

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components, dijkstra, minimum_spanning_tree
from scipy.spatial import cKDTree

from micro_features.synthetic.structure.laguerre import PowerDiagram
from micro_features.synthetic.structure.packing import inside_box, shortest

_SAME_CORNER = 1e-6  # of the mean edge: corners nearer than this are one
_ENTRANCES = 2  # corners of the grain structure that each pore is joined to
_LOOPS = 0.5  # cheapest further links, as a share of the number of pores: more than a tree holds together


def necks(grains: PowerDiagram, pores_um: np.ndarray) -> np.ndarray:
    """Straight channels that join all pores to one network.

    Every pore is joined to the nearest corners of the grain structure, where triple lines meet. From there, triple
    lines lead from pore to pore: the cheapest set that joins all of them (a minimum spanning tree of shortest paths,
    Mehlhorn 1988, doi 10.1016/0020-0190(88)90066-X), and the next cheapest paths, which close loops.

    Parameters
    ----------
    pores_um : (m, 3) array
        Centres; at least 1.

    Returns
    -------
    (k, 2, 3) float array
        Ends, not wrapped into the box.
    """
    size, m = grains.size_um, len(pores_um)
    corners, start, end = _triple_lines(grains)
    _, entrance = cKDTree(corners, boxsize=size).query(pores_um, k=list(range(1, _ENTRANCES + 1)))
    nodes = np.concatenate([corners, pores_um])
    start = np.concatenate([start, np.repeat(len(corners) + np.arange(m), _ENTRANCES)])
    end = np.concatenate([end, entrance.ravel()])
    length = np.maximum(np.linalg.norm(shortest(nodes[start] - nodes[end], size), axis=1), 1e-9)
    graph = sparse.coo_matrix((length, (start, end)), (len(nodes), len(nodes))).tocsr()

    terminals = len(corners) + np.arange(m)
    away, before, source = dijkstra(graph, directed=False, indices=terminals, min_only=True, return_predecessors=True)
    between = np.flatnonzero((source[start] >= 0) & (source[end] >= 0) & (source[start] != source[end]))
    cost = away[start[between]] + length[between] + away[end[between]]
    links = _spanning_links(source[start[between]], source[end[between]], cost)
    used = between[links]

    on_path = np.zeros(len(nodes), dtype=bool)
    ahead = np.unique(np.concatenate([start[used], end[used]]))
    while len(ahead):
        on_path[ahead] = True
        ahead = np.unique(before[ahead])
        ahead = ahead[(ahead >= 0) & ~on_path[np.maximum(ahead, 0)]]
    stepping = np.flatnonzero(on_path & (before >= 0))
    first = np.concatenate([start[used], stepping])
    second = np.concatenate([end[used], before[stepping]])
    first_um = nodes[first]
    return np.stack([first_um, first_um + shortest(nodes[second] - first_um, size)], axis=1)


def _triple_lines(grains: PowerDiagram) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The network of triple lines: its corners (c, 3) in the box, and the corners that each line joins."""
    ends = inside_box(grains.walls.edges_um.reshape(-1, 3), grains.size_um)
    mean = np.cbrt(np.prod(grains.size_um) / len(grains.sites_um))
    same = cKDTree(ends, boxsize=grains.size_um).query_pairs(_SAME_CORNER * mean, output_type="ndarray")
    joined = sparse.coo_matrix((np.ones(len(same)), same.T), (len(ends), len(ends)))
    count, corner = connected_components(joined, directed=False)
    position = np.empty((count, 3))
    position[corner] = ends
    start, end = corner.reshape(-1, 2).T
    lines = start != end
    return position, start[lines], end[lines]


def _spanning_links(one: np.ndarray, other: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Indices of the links that join everything most cheaply, and of the cheapest others."""
    names, both = np.unique(np.concatenate([one, other]), return_inverse=True)
    low, high = np.sort(both.reshape(2, -1), axis=0)
    order = np.lexsort((cost, high, low))
    pair = np.stack([low, high])[:, order]
    best = order[np.append(True, (np.diff(pair) != 0).any(axis=0))] if len(order) else order
    n = len(names)
    tree = minimum_spanning_tree(sparse.coo_matrix((cost[best], (low[best], high[best])), (n, n)).tocsr()).tocoo()
    in_tree = np.isin(low[best] * n + high[best], tree.row.astype(np.int64) * n + tree.col)
    others = best[~in_tree]
    cheapest = others[np.argsort(cost[others], kind="stable")[: int(_LOOPS * n)]]
    return np.concatenate([best[in_tree], cheapest])
