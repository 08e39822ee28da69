export { rowcastCollectionOptions, type CollectionKey, type RowcastCollectionConfig } from './collection.ts';
export { sendTo, WriteRefused } from './send.ts';
