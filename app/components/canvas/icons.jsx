// Icons from the product's one sheet, by their Lucide names.
export const Icon = ({ name, className = "" }) => (
  <svg className={`i ${className}`} viewBox="0 0 24 24" aria-hidden="true"><use href={`/icons.svg#${name}`} /></svg>
);

export const Tile = ({ icon, kind, small }) => (
  <span className={`tile k-${kind}${small ? " small" : ""}`}><Icon name={icon} /></span>
);
