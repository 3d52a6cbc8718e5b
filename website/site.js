// The theme wraps wide tables in a box that scrolls; the keyboard has to reach it too.
const reachable = () => document.querySelectorAll(".md-typeset__scrollwrap:not([tabindex])").forEach((box) => { box.tabIndex = 0; });
new MutationObserver(reachable).observe(document.documentElement, { childList: true, subtree: true });
document.addEventListener("DOMContentLoaded", reachable);
