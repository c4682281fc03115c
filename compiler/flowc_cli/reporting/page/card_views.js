// Cards, as steps have filled them.

const cardView = (card) => make("div", {}, (card.components || []).map((component) => valueView(component)));
