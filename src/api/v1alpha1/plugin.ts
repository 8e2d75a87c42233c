// The configuration of a CNI plugin that this operator does not know: any JSON object that says which plugin it is for.

/**
 * Configuration of a CNI plugin: an object with the plugin's `type` and whatever else that plugin reads.
 * @preserveUnknownFields true
 */
export interface PluginConfig {
  /** Name of the plugin's binary on the nodes. */
  readonly type: PluginName;
  readonly [key: string]: unknown;
}

/**
 * A CNI plugin that runs after macvlan, on the link that macvlan made; keys beside `type` are the plugin's own.
 * @preserveUnknownFields true
 * @validation {"rule":"self.type != 'macvlan'","message":"macvlan itself always comes first; chain lists what comes after it"}
 */
export interface ChainedPlugin {
  /** Name of the plugin's binary on the nodes, such as tuning or sbr. */
  readonly type: PluginName;
  readonly [key: string]: unknown;
}

/**
 * Name of a CNI plugin.
 * @maxLength 63
 * @validation {"rule":"self.matches('^[A-Za-z0-9][A-Za-z0-9._-]*$')","message":"must be the name of a CNI plugin: letters, digits, dots, hyphens and underscores, no slashes"}
 */
export type PluginName = string;
